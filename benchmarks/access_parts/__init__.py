"""The parts of `./run bench access`: one file a subject, each gives figures."""

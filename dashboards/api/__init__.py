"""The partner API, version 1: the same figures as the pages, under the same control."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing asks any more which local ids have meant several people."""

    dependencies = [("vault", "0012_pending_merges")]

    operations = [migrations.DeleteModel(name="SharedLocalKey")]

"""What the API takes and gives, in words that its document repeats."""

from rest_framework import serializers

from dashboards.selectors import organisations

KINDS = ("icb", "place", "pcn", "practice", "district", "council")


class OrganisationQuery(serializers.Serializer):  # type: ignore[type-arg]
    kind = serializers.ChoiceField(choices=organisations.KINDS, required=False)
    cursor = serializers.CharField(required=False, max_length=40)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=500)


class Organisation(serializers.Serializer):  # type: ignore[type-arg]
    code = serializers.CharField(help_text="Organisation Data Service code")
    name = serializers.CharField()
    kind = serializers.CharField()
    opened_on = serializers.DateField(allow_null=True)
    closed_on = serializers.DateField(allow_null=True)
    parents = serializers.ListField(
        child=serializers.CharField(), help_text="codes of current parents"
    )


class OrganisationPage(serializers.Serializer):  # type: ignore[type-arg]
    results = Organisation(many=True)
    next = serializers.CharField(allow_null=True, help_text="address of the next page")


class IndicatorSummary(serializers.Serializer):  # type: ignore[type-arg]
    name = serializers.CharField()
    title = serializers.CharField()
    unit = serializers.CharField()
    per = serializers.IntegerField(
        allow_null=True, help_text="scale of the rate; null where it is as published"
    )
    better = serializers.CharField(help_text="lower, higher or neither")
    source = serializers.CharField()
    version = serializers.IntegerField()
    href = serializers.CharField()


class CohortSummary(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.IntegerField()
    title = serializers.CharField()
    why = serializers.CharField()
    version = serializers.IntegerField(help_text="the newest version's number")
    review_by = serializers.DateField()
    href = serializers.CharField()


class FigureQuery(serializers.Serializer):  # type: ignore[type-arg]
    by = serializers.ChoiceField(choices=KINDS, required=False)
    basis = serializers.ChoiceField(
        choices=["registered", "resident"], default="registered"
    )


class FigureRow(serializers.Serializer):  # type: ignore[type-arg]
    at = serializers.DictField(
        child=serializers.CharField(), help_text="coordinates: place code, segment"
    )
    name = serializers.CharField()
    count = serializers.FloatField(allow_null=True)
    denominator = serializers.FloatField(allow_null=True)
    rate = serializers.FloatField(allow_null=True)
    lower_95 = serializers.FloatField(allow_null=True)
    upper_95 = serializers.FloatField(allow_null=True)
    hidden = serializers.CharField(help_text="why a value is not shown, else empty")


class Figure(serializers.Serializer):  # type: ignore[type-arg]
    name = serializers.CharField()
    title = serializers.CharField()
    unit = serializers.CharField()
    per = serializers.IntegerField(allow_null=True)
    better = serializers.CharField(allow_null=True)
    period = serializers.CharField()
    as_of = serializers.DateField()
    release = serializers.IntegerField()
    disclosure = serializers.CharField()
    notes = serializers.ListField(child=serializers.CharField())
    fitness = serializers.DictField(help_text="freshness, coverage, completeness")
    rows = FigureRow(many=True)


class FeedStatus(serializers.Serializer):  # type: ignore[type-arg]
    feed = serializers.CharField()
    title = serializers.CharField()
    last_file_on = serializers.DateTimeField(allow_null=True)
    data_from = serializers.DateField(allow_null=True)
    data_to = serializers.DateField(allow_null=True)
    files = serializers.IntegerField()
    rows_in = serializers.IntegerField()
    loaded = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    excluded = serializers.IntegerField()
    duplicate = serializers.IntegerField()


class BatchTaken(serializers.Serializer):  # type: ignore[type-arg]
    feed = serializers.CharField()
    run = serializers.IntegerField()
    sha256 = serializers.CharField(help_text="of the body as it arrived")
    href = serializers.CharField(help_text="where to ask what became of it")


class BatchFault(serializers.Serializer):  # type: ignore[type-arg]
    rule = serializers.CharField()
    field = serializers.CharField()
    rows = serializers.IntegerField()
    first_row = serializers.IntegerField()
    what_to_do = serializers.CharField()


class BatchStatus(serializers.Serializer):  # type: ignore[type-arg]
    feed = serializers.CharField()
    run = serializers.IntegerField()
    state = serializers.CharField(
        help_text="received, published, held, refused, failed or undone"
    )
    words = serializers.CharField()
    problem = serializers.CharField()
    held_because = serializers.ListField(child=serializers.CharField())
    rows_in = serializers.IntegerField()
    loaded = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    excluded = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    faults = BatchFault(many=True)

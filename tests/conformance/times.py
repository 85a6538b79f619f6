"""spec.md, `time`: RFC 3339 5.6, kept as the text that came."""

from tests.builders import event
from tests.conformance.cases import SPEC, Case, binary, cases, quoted, refused, stored, structured
from tradewind.events.http import encode_value

RULE = f"{SPEC}, time; RFC 3339"

RIGHT = {
    "UTC": "2026-01-31T12:00:00Z",
    "lower-case t": "2026-01-31t12:00:00Z",
    "lower-case z": "2026-01-31T12:00:00z",
    "both": "2026-01-31t12:00:00z",
    "a fraction of one digit": "2026-01-31T12:00:00.5Z",
    "a fraction that ends in noughts": "2026-01-31T12:00:00.500Z",
    "nanoseconds": "2026-01-31T12:00:00.123456789Z",
    "forty digits": "2026-01-31T12:00:00." + "1234567890" * 4 + "Z",
    "an offset": "2026-01-31T12:00:00+01:00",
    "a negative offset": "2026-01-31T12:00:00-08:00",
    "no offset is UTC's": "2026-01-31T12:00:00+00:00",
    "an unknown offset (4.3)": "2026-01-31T12:00:00-00:00",
    "the greatest offset": "2026-01-31T12:00:00+23:59",
    "the least offset": "2026-01-31T12:00:00-23:59",
    "an offset of minutes (5.8)": "1937-01-01T12:00:27.87+00:20",
    "the first day": "0000-01-01T00:00:00Z",
    "the last second": "9999-12-31T23:59:59.999999999Z",
    "a leap day": "2024-02-29T00:00:00Z",
    "a leap day of a fourth century": "2000-02-29T00:00:00Z",
    "the 31st": "2026-12-31T00:00:00Z",
    "the 30th": "2026-04-30T00:00:00Z",
    "a leap second (5.8)": "1990-12-31T23:59:60Z",
    "a leap second elsewhere (5.8)": "1990-12-31T15:59:60-08:00",
    "a leap second of tomorrow elsewhere": "2017-01-01T00:59:60+01:00",
    "a leap second in June": "2015-06-30T23:59:60Z",
    "a leap second with a fraction": "2016-12-31T23:59:60.999Z",
    "a leap second in lower case": "2016-12-31t23:59:60z",
}

WRONG = {
    "a word": "yesterday",
    "a date": "2026-01-31",
    "a time of day": "12:00:00Z",
    "no seconds": "2026-01-31T12:00Z",
    "no offset": "2026-01-31T12:00:00",
    "seconds since 1970": "1769860800",
    "hour 24": "2026-01-31T24:00:00Z",
    "minute 60": "2026-01-31T12:60:00Z",
    "second 61": "2016-12-31T23:59:61Z",
    "second 60 at noon": "2016-12-31T12:00:60Z",
    "second 60 in the middle of a month": "2016-12-15T23:59:60Z",
    "second 60 at another offset's midnight": "2016-12-31T23:59:60+01:00",
    "second 60 at the end of the 30th of 31": "2016-12-30T23:59:60Z",
    "a comma": "2026-01-31T12:00:00,5Z",
    "a dot without digits": "2026-01-31T12:00:00.Z",
    "an offset without a colon": "2026-01-31T12:00:00+0200",
    "an offset of hours": "2026-01-31T12:00:00+02",
    "an offset of 24 hours": "2026-01-31T12:00:00+24:00",
    "an offset of 60 minutes": "2026-01-31T12:00:00+01:60",
    "an offset after Z": "2026-01-31T12:00:00Z+01:00",
    "a typographic minus": "2026-01-31T12:00:00−01:00",
    "a zone's name": "2026-01-31T12:00:00 UTC",
    "month 0": "2026-00-31T12:00:00Z",
    "month 13": "2026-13-31T12:00:00Z",
    "day 0": "2026-01-00T12:00:00Z",
    "day 32": "2026-01-32T12:00:00Z",
    "31 April": "2026-04-31T12:00:00Z",
    "29 February": "2026-02-29T12:00:00Z",
    "29 February of a century": "2100-02-29T12:00:00Z",
    "the basic format": "20260131T120000Z",
    "a week": "2026-W05-6T12:00:00Z",
    "a day of the year": "2026-031T12:00:00Z",
    "a space for T": "2026-01-31 12:00:00Z",
    "an underscore for T": "2026-01-31_12:00:00Z",
    "a year of five digits": "12026-01-31T12:00:00Z",
    "a year of two digits": "26-01-31T12:00:00Z",
    "a negative year": "-2026-01-31T12:00:00Z",
    "a month of one digit": "2026-1-31T12:00:00Z",
    "an hour of one digit": "2026-01-31T1:00:00Z",
    "a space before": " 2026-01-31T12:00:00Z",
    "a space behind": "2026-01-31T12:00:00Z ",
    "a line feed behind": "2026-01-31T12:00:00Z\n",
    "digits of another script": "２０２６-01-31T12:00:00Z",
    "HTTP's form": "Sat, 31 Jan 2026 12:00:00 GMT",
    "nothing": "",
}

CASES = [
    *(
        Case(RULE, f"{what} {mode}", request, stored(event(time=text)))
        for what, text in RIGHT.items()
        for mode, request in (
            ("in a header", binary(time=encode_value(text))),
            ("in JSON", structured(time=quoted(text))),
        )
    ),
    *(
        Case(RULE, f"{what} {mode}", request, refused(path))
        for what, text in WRONG.items()
        for mode, request, path in (
            ("in a header", binary(time=encode_value(text)), "ce-time"),
            ("in JSON", structured(time=quoted(text)), "time"),
        )
    ),
    *cases(
        f"{SPEC}, time: OPTIONAL",
        [
            ("absent is absent: none is invented", binary(), stored(event())),
            ("null, which is unset", structured(time="null"), stored(event())),
            ("a number", structured(time="1769860800"), refused("time")),
            ("other attributes are no times", binary(("ce-expirytime", "soon")), stored(event(expirytime="soon"))),
        ],
    ),
]

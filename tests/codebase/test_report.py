from benchmarks import report, tables


def test_tables_in_the_documents_are_those_of_the_committed_results():
    assert report.stale() == [], "run make report"


def test_what_was_not_measured_says_how_to():
    (line,) = report.lines_of(lambda: list(tables.load("nothing")))
    assert line == 'Not measured yet; `python -m benchmarks "nothing:*"` does it.'

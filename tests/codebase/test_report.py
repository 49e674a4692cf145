from benchmarks import report


def test_tables_in_the_documents_are_those_of_the_committed_results():
    assert report.stale() == [], "run make report"

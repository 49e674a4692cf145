"""What is carried in pieces comes back whole, or not at all."""

import pytest

from tools.pieces import MEGABYTE, join, main, split


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "one.whl"
    path.write_bytes(bytes(range(256)) * (10 * MEGABYTE // 1024))
    return path


def test_pieces_come_back_whole(wheel, tmp_path, capsys):
    folder = tmp_path / "pieces"
    main(["split", str(wheel), str(folder), "--megabytes", "1"])
    assert len(capsys.readouterr().out.split()) == 3
    assert (folder / "one.whl.002").stat().st_size == MEGABYTE // 2
    main(["join", str(folder)])
    assert (folder / "one.whl").read_bytes() == wheel.read_bytes()


def test_what_is_missing_or_cut_is_told(wheel, tmp_path):
    pieces = split(wheel, tmp_path / "pieces", 1)
    pieces[1].write_bytes(pieces[1].read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"one\.whl is not what was split"):
        join(tmp_path / "pieces")
    assert not (tmp_path / "pieces" / "one.whl").exists()
    pieces[1].unlink()
    with pytest.raises(ValueError, match="missing"):
        join(tmp_path / "pieces")

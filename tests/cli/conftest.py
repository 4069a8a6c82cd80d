"""What tests of the command line have in common."""
import pytest

from marlfast import cli


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def marlfast(capsys):
    """``marlfast(*arguments)``: exit status, stdout, stderr."""
    def run(*arguments):
        capsys.readouterr()
        status = cli.main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return status, out, err
    return run

"""What can go wrong with the files of a corpus."""


class CorpusError(Exception):
    """A file cannot be read or written as asked; its text is one line, fit for users."""

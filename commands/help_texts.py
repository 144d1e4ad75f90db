"""The end of each `--help`: examples, remarks, exit codes, and the settings that matter."""

from commands.exit_codes import EXIT_CODES


def help_epilog(examples: str, *, remarks: str = "", settings: str) -> str:
    """Return the text below the options of a command.

    Args:
        examples: command lines, one a line, without ``python main.py`` and indentation.
        remarks: paragraphs between the examples and the exit codes.
        settings: the last paragraph.
    """
    lines = "\n".join(f"  python main.py {line}".rstrip() for line in examples.strip("\n").splitlines())
    # \b keeps click from wrapping the paragraph anew.
    return "\n\n".join(part for part in (f"\b\nExamples:\n{lines}", remarks, EXIT_CODES, settings) if part)

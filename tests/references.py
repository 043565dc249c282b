"""Names of functions and tests as the lists of the tree give them, in code letters, and whether they exist."""
import re

CODE = re.compile(r"`([^`]+)`")
PATH = re.compile(r"[\w./-]+\.(cpp|hpp|py)")


def references(cell):
    """(path, name) of what is in code letters: a path stands for those names that follow it up to the next; a name is
    None for a path alone, and a path for a name without one."""
    path, named, found = None, True, []
    for word in CODE.findall(cell):
        if PATH.fullmatch(word):
            if not named:
                found.append((path, None))
            path, named = word, False
        else:
            found.append((path, word))
            named = True
    return found if named else found + [(path, None)]


def is_function(source, name):
    return all(re.search(rf"\b{re.escape(part)}\b", source) for part in name.split("::"))


def is_test(source, name, python):
    suite, _, test = name.partition(".")
    if not python:
        return test and re.search(rf"^(TYPED_)?TEST(_F|_P)?\({suite}, {test}\)", source, re.MULTILINE)
    has_suite = re.search(rf"^class {suite}\b", source, re.MULTILINE)
    return has_suite and (not test or re.search(rf"^    def {test}\(", source, re.MULTILINE))


def missing(root, folder, cell, is_there):
    for path, name in references(cell):
        file = root / folder / path if path else None
        if name is None:
            yield f"{path} without a name from it"
        elif not file or not file.is_file():
            yield f"{name}: there is no file {folder}/{path}" if path else f"{name} without a file"
        elif not is_there(file.read_text(), name, file):
            yield f"{folder}/{path} has no {name}"


def missing_tests(root, cell):
    """What is wrong with the tests that the cell names, whose files lie in tests/."""
    yield from missing(root, "tests", cell, lambda source, name, file: is_test(source, name, file.suffix == ".py"))

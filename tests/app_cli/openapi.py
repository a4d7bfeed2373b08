"""docs/openapi.yaml as the tests read it: by its indentation, two spaces a level, a path, a method, a status a line."""
import dataclasses
import json
import re


@dataclasses.dataclass
class Operation:
    method: str
    path: str  # With its names in braces.
    role: str = ""
    statuses: tuple = ()
    example: object = None  # Of the request's body; None if there is none.
    has_body: bool = False

    @property
    def name(self):
        return f"{self.method} {self.path}"


def operations(text):
    """Every operation, in the order of the description."""
    found, path, in_request = [], "", False
    for line in text.split("\ncomponents:\n")[0].splitlines():
        if match := re.fullmatch(r"  (/\S*):", line):
            path = match[1]
        elif match := re.fullmatch(r"    (get|put|post|patch|delete):", line):
            found.append(Operation(match[1].upper(), path))
        elif match := re.fullmatch(r"      x-role: (\w+)", line):
            found[-1].role = match[1]
        elif match := re.fullmatch(r"      (\w+):", line):
            in_request = match[1] == "requestBody"
            found[-1].has_body |= in_request
        elif match := re.fullmatch(r'        "(\d{3})":', line):
            found[-1].statuses += (int(match[1]),)
        elif in_request and (match := re.fullmatch(r"            example: (.*)", line)):
            found[-1].example = json.loads(match[1])
    return found

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
    answer: object = None  # The example of the answer with status 200; None if there is none.

    @property
    def name(self):
        return f"{self.method} {self.path}"


def operations(text):
    """Every operation, in the order of the description."""
    found, path, in_request, status = [], "", False, None
    for line in text.split("\ncomponents:\n")[0].splitlines():
        if match := re.fullmatch(r"  (/\S*):", line):
            path = match[1]
        elif match := re.fullmatch(r"    (get|put|post|patch|delete):", line):
            found.append(Operation(match[1].upper(), path))
        elif match := re.fullmatch(r"      x-role: (\w+)", line):
            found[-1].role = match[1]
        elif match := re.fullmatch(r"      (\w+):", line):
            in_request, status = match[1] == "requestBody", None
            found[-1].has_body |= in_request
        elif match := re.fullmatch(r'        "(\d{3})":', line):
            status = int(match[1])
            found[-1].statuses += (status,)
        elif in_request and (match := re.fullmatch(r"            example: (.*)", line)):
            found[-1].example = json.loads(match[1])
        elif status == 200 and (match := re.fullmatch(r"              example: (.*)", line)):
            found[-1].answer = json.loads(match[1])
    return found

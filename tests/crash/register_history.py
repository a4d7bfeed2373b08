"""Is the history of one key linearizable? A register with revisions, compare-and-set, deletes and a time to live.

An operation has the time it was sent, the time its answer came, and the answer. It is as if it happened at one moment in
between. One whose answer was lost happened before the server died, or never. `advance` goes through all orders that the
times allow (Wing and Gong, with the memory of Lowe: a set of operations done and a state are looked at once) and returns
every state that the key may have at the end; none means that no order explains the answers.

What is demanded beside the plain register: the revision of a write is greater than every LSN that the key had before,
over deletes and expiry too; and an expired value is gone for good.
"""
from typing import Iterable, Iterator, NamedTuple, Optional

EARLY_MS = 2   # How much before its time a value may be gone: the clock's grain.
LATE_MS = 50   # How long after its time it may still be seen.


class State(NamedTuple):
    """`value` None: absent. `revision` None: written by a request without an answer, and not read since."""
    value: Optional[str] = None
    revision: Optional[int] = None
    expires_at_ms: Optional[int] = None        # None: never, or, with `expires_from_ms`, not known.
    expires_from_ms: Optional[int] = None      # It does not expire before.
    floor: int = 0                             # The next revision is greater.


ABSENT = State()


class Operation(NamedTuple):
    """`kind` is get, put or delete. `done` False: the answer was lost, and `end` is when the server died.

    put: `value`, `ttl_ms`, `if_revision`; answered with `revision` and `expires_at_ms`, or `refused`.
    delete: `if_revision`; answered with `deleted` and `revision` (its LSN), or `refused`.
    get: answered with `value` (None: 404), `revision`, `expires_at_ms`."""
    kind: str
    start: float
    end: float
    start_ms: int = 0   # The same moments on the clock of the calendar.
    end_ms: int = 0
    done: bool = True
    value: Optional[str] = None
    ttl_ms: Optional[int] = None
    if_revision: Optional[int] = None
    revision: Optional[int] = None
    expires_at_ms: Optional[int] = None
    deleted: bool = False
    refused: bool = False


def gone(state: State) -> State:
    return State(floor=max(state.floor, state.revision or 0))


def seen_states(state: State, operation: Operation) -> Iterator[State]:
    """What the operation may find: the value, or that it has expired."""
    if state.value is None:
        yield state
        return
    expires = state.expires_at_ms if state.expires_at_ms is not None else state.expires_from_ms
    if expires is None:
        yield state
        return
    # Without an exact time it may live longer than the earliest.
    if state.expires_at_ms is None or operation.start_ms <= expires + LATE_MS:
        yield state
    if operation.end_ms >= expires - EARLY_MS:
        yield gone(state)


def bound_to(state: State, revision: Optional[int]) -> Optional[State]:
    """The state if its revision is this one; None if it cannot be."""
    if revision is None or state.value is None:
        return None
    if state.revision is None:
        return state._replace(revision=revision) if revision > state.floor else None
    return state if state.revision == revision else None


def allowed(state: State, if_revision: Optional[int]) -> Optional[State]:
    """The state if a write on this condition goes through."""
    if if_revision is None:
        return state
    if if_revision == 0:
        return state if state.value is None else None
    return bound_to(state, if_revision)


def refusal_possible(state: State, if_revision: Optional[int]) -> bool:
    if if_revision is None:
        return False
    if if_revision == 0:
        return state.value is not None
    return state.value is None or state.revision is None or state.revision != if_revision


def after_get(state: State, operation: Operation) -> Optional[State]:
    if operation.value is None:
        return state if state.value is None else None
    if state.value != operation.value:
        return None
    bound = bound_to(state, operation.revision)
    if bound is None:
        return None
    if bound.expires_from_ms is not None and bound.expires_at_ms is None:
        if operation.expires_at_ms is None or operation.expires_at_ms < bound.expires_from_ms - EARLY_MS:
            return None
        return bound._replace(expires_at_ms=operation.expires_at_ms)
    return bound if bound.expires_at_ms == operation.expires_at_ms else None


def after_put(state: State, operation: Operation) -> Optional[State]:
    state = allowed(state, operation.if_revision)
    if state is None:
        return None
    floor = max(state.floor, state.revision or 0)
    earliest = None if operation.ttl_ms is None else operation.start_ms + operation.ttl_ms
    if not operation.done:
        return State(operation.value, None, None, earliest, floor)
    if operation.revision is None or operation.revision <= floor:
        return None
    if (operation.expires_at_ms is None) != (operation.ttl_ms is None):
        return None
    if earliest is not None:
        latest = operation.end_ms + operation.ttl_ms + LATE_MS
        if not earliest - EARLY_MS <= operation.expires_at_ms <= latest:
            return None
    return State(operation.value, operation.revision, operation.expires_at_ms, None, floor)


def after_delete(state: State, operation: Operation) -> Optional[State]:
    state = allowed(state, operation.if_revision)
    if state is None:
        return None
    if not operation.done:
        return gone(state)
    if not operation.deleted:
        return state if state.value is None else None
    floor = gone(state).floor
    if state.value is None or operation.revision is None or operation.revision <= floor:
        return None
    return State(floor=operation.revision)


AFTER = {"get": after_get, "put": after_put, "delete": after_delete}


def next_states(state: State, operation: Operation) -> Iterator[State]:
    """The states that the operation, with its answer, may leave behind this one."""
    for seen in seen_states(state, operation):
        if operation.done and operation.refused:
            if refusal_possible(seen, operation.if_revision):
                yield seen
            continue
        after = AFTER[operation.kind](seen, operation)
        if after is not None:
            yield after


def candidates(operations: list, done: int, first: int) -> Iterator[int]:
    """Those that may be next: sent before any other that is left was answered, and, if the answer was lost, the server
    not known to have died before the last that is done was sent. `operations` are in the order they were sent in."""
    last_start = operations[done.bit_length() - 1].start if done else float("-inf")
    until = float("inf")
    for i in range(first, len(operations)):
        operation = operations[i]
        if operation.start > until:
            return
        if done >> i & 1:
            continue
        if operation.done:
            until = min(until, operation.end)
        elif operation.end < last_start:
            continue
        yield i


def advance(states: Iterable, operations: Iterable) -> set:
    """All states after the operations, which nothing outlasts (the server was dead or idle at the end), from any of
    `states` before them."""
    ordered = sorted((o for o in operations if o.done or o.kind != "get"), key=lambda o: o.start)
    needed = sum(1 << i for i, o in enumerate(ordered) if o.done)
    final = set()
    looked_at = {(0, state) for state in states}
    stack = [(0, 0, state) for _, state in looked_at]
    while stack:
        done, first, state = stack.pop()
        if done & needed == needed:
            final.add(state)
        while first < len(ordered) and done >> first & 1:
            first += 1
        for i in candidates(ordered, done, first):
            for after in next_states(state, ordered[i]):
                key = (done | 1 << i, after)
                if key not in looked_at:
                    looked_at.add(key)
                    stack.append((key[0], first, after))
    return final

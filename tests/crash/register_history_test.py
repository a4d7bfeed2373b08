"""The checker of histories says yes to what a register does, and no to each fault that is planted."""
import random
import unittest

from register_history import ABSENT, EARLY_MS, LATE_MS, Operation, State, advance


def operation(kind, start, end, **members):
    """Times in ms on both clocks."""
    return Operation(kind, start, end, start_ms=start, end_ms=end, **members)


def put(start, end, value, revision, **members):
    return operation("put", start, end, value=value, revision=revision, **members)


def get(start, end, value=None, revision=None, **members):
    return operation("get", start, end, value=value, revision=revision, **members)


def delete(start, end, revision=None, **members):
    return operation("delete", start, end, revision=revision, deleted=revision is not None, **members)


def lost(kind, start, end, **members):
    return operation(kind, start, end, done=False, **members)


class RegisterHistoryTest(unittest.TestCase):
    def accept(self, *operations, states=(ABSENT,)):
        found = advance(states, operations)
        self.assertTrue(found, operations)
        return found

    def refuse(self, *operations, states=(ABSENT,)):
        self.assertEqual(advance(states, operations), set())

    # ---- One after the other ----
    def test_nothing_leaves_the_state(self):
        self.assertEqual(self.accept(), {ABSENT})

    def test_what_was_written_is_read(self):
        self.accept(get(0, 1), put(2, 3, "a", 1), get(4, 5, "a", 1), delete(6, 7, 2), get(8, 9))

    def test_a_read_of_the_past_is_refused(self):
        self.refuse(put(0, 1, "a", 1), put(2, 3, "b", 2), get(4, 5, "a", 1))

    def test_a_lost_write_is_refused(self):
        self.refuse(put(0, 1, "a", 1), get(2, 3))

    def test_a_read_of_what_nobody_wrote_is_refused(self):
        self.refuse(put(0, 1, "a", 1), get(2, 3, "b", 1))

    def test_a_value_under_another_revision_is_refused(self):
        self.refuse(put(0, 1, "a", 1), get(2, 3, "a", 2))

    def test_a_value_that_comes_back_after_its_delete_is_refused(self):
        self.refuse(put(0, 1, "a", 1), delete(2, 3, 2), get(4, 5, "a", 1))

    def test_a_delete_of_what_is_there_says_so(self):
        self.refuse(put(0, 1, "a", 1), delete(2, 3))
        self.refuse(delete(0, 1, 5))
        self.accept(delete(0, 1))

    # ---- Revisions ----
    def test_revisions_increase(self):
        self.refuse(put(0, 1, "a", 2), put(2, 3, "b", 2))
        self.refuse(put(0, 1, "a", 2), put(2, 3, "b", 1))

    def test_revisions_increase_over_a_delete(self):
        self.refuse(put(0, 1, "a", 2), delete(2, 3, 3), put(4, 5, "b", 3))
        self.refuse(put(0, 1, "a", 2), delete(2, 3, 2))
        self.accept(put(0, 1, "a", 2), delete(2, 3, 3), put(4, 5, "b", 4))

    def test_revisions_increase_over_expiry(self):
        short = put(0, 1, "a", 7, ttl_ms=10, expires_at_ms=10)
        self.refuse(short, get(100, 101), put(102, 103, "b", 7))
        self.accept(short, get(100, 101), put(102, 103, "b", 8))

    def test_revisions_increase_over_calls(self):
        states = self.accept(put(0, 1, "a", 9), delete(2, 3, 10))
        self.refuse(put(4, 5, "b", 10), states=states)
        self.accept(put(4, 5, "b", 11), states=states)

    # ---- Conditions ----
    def test_a_write_on_the_right_revision_goes_through(self):
        self.accept(put(0, 1, "a", 1), put(2, 3, "b", 2, if_revision=1), get(4, 5, "b", 2))
        self.accept(put(0, 1, "a", 1, if_revision=0), delete(2, 3, 2, if_revision=1))

    def test_a_write_on_the_wrong_revision_does_not(self):
        self.refuse(put(0, 1, "a", 1), put(2, 3, "b", 2, if_revision=5))
        self.refuse(put(0, 1, "a", 1), put(2, 3, "b", 2, if_revision=0))
        self.refuse(put(0, 1, "a", 5, if_revision=3))
        self.refuse(put(0, 1, "a", 1), delete(2, 3, 2, if_revision=7))

    def test_a_refusal_needs_a_reason(self):
        self.refuse(put(0, 1, "a", 1), put(2, 3, "b", None, if_revision=1, refused=True))
        self.refuse(operation("put", 0, 1, value="a", if_revision=0, refused=True))
        self.refuse(operation("put", 0, 1, value="a", refused=True))
        self.accept(put(0, 1, "a", 1), operation("put", 2, 3, value="b", if_revision=0, refused=True))
        self.accept(operation("delete", 2, 3, if_revision=4, refused=True))

    def test_of_two_writes_on_one_revision_one_goes_through(self):
        both = put(2, 5, "b", 2, if_revision=1), put(3, 6, "c", 3, if_revision=1)
        self.refuse(put(0, 1, "a", 1), *both)
        self.accept(put(0, 1, "a", 1), both[0], operation("put", 3, 6, value="c", if_revision=1, refused=True))

    def test_two_creations_do_not_both_go_through(self):
        self.refuse(put(0, 5, "a", 1, if_revision=0), put(1, 6, "b", 2, if_revision=0))

    # ---- At the same time ----
    def test_overlapping_writes_come_in_either_order(self):
        both = put(0, 10, "a", 1), put(1, 9, "b", 2)
        self.accept(*both, get(11, 12, "b", 2))
        self.refuse(*both, get(11, 12, "a", 1))

    def test_overlapping_reads_may_see_before_and_after(self):
        self.accept(put(0, 10, "a", 1), get(1, 2), get(3, 4, "a", 1))

    def test_a_later_read_does_not_see_less(self):
        self.refuse(put(0, 10, "a", 1), get(1, 2, "a", 1), get(3, 4))

    def test_two_readers_agree_on_the_order(self):
        writes = put(0, 20, "a", 1), put(0, 20, "b", 2)
        self.accept(*writes, get(1, 2, "a", 1), get(3, 4, "b", 2))
        self.refuse(*writes, get(1, 2, "b", 2), get(3, 4, "a", 1))

    def test_a_write_is_not_seen_before_it_was_sent(self):
        self.refuse(get(0, 1, "a", 1), put(2, 3, "a", 1))

    # ---- Answers that were lost ----
    def test_a_write_without_an_answer_happened_or_not(self):
        states = self.accept(lost("put", 0, 5, value="a"))
        self.assertEqual({state.value for state in states}, {None, "a"})
        self.accept(get(6, 7, "a", 4), states=states)
        self.accept(get(6, 7), states=states)

    def test_what_was_decided_stays_decided(self):
        states = self.accept(lost("put", 0, 5, value="a"))
        self.refuse(get(6, 7, "a", 4), get(8, 9), states=states)
        self.refuse(get(6, 7), get(8, 9, "a", 4), states=states)
        self.refuse(get(6, 7, "a", 4), get(8, 9, "a", 5), states=states)

    def test_a_write_without_an_answer_does_not_happen_after_the_server_died(self):
        self.refuse(lost("put", 0, 5, value="a"), get(6, 7), get(8, 9, "a", 4))

    def test_its_revision_is_greater_too(self):
        states = self.accept(put(0, 1, "a", 9), lost("put", 2, 5, value="b"))
        self.refuse(get(6, 7, "b", 9), states=states)
        self.accept(get(6, 7, "b", 10), states=states)

    def test_a_delete_without_an_answer_happened_or_not(self):
        before = put(0, 1, "a", 1), lost("delete", 2, 5)
        self.accept(*before, get(6, 7))
        self.accept(*before, get(6, 7, "a", 1))
        self.refuse(*before, get(6, 7), get(8, 9, "a", 1))

    def test_a_write_on_a_condition_without_an_answer_needs_the_condition(self):
        self.refuse(put(0, 1, "a", 1), lost("put", 2, 5, value="b", if_revision=7), get(6, 7, "b", 2))
        self.accept(put(0, 1, "a", 1), lost("put", 2, 5, value="b", if_revision=1), get(6, 7, "b", 2))

    def test_a_lost_read_says_nothing(self):
        self.accept(put(0, 1, "a", 1), lost("get", 2, 5), get(6, 7, "a", 1))

    # ---- Time to live ----
    def test_a_value_expires_at_its_time_and_not_before(self):
        short = put(0, 1, "a", 1, ttl_ms=1000, expires_at_ms=1000)
        self.accept(short, get(500, 501, "a", 1, expires_at_ms=1000), get(1001, 1002))
        self.refuse(short, get(500, 1000 - EARLY_MS - 1))
        self.refuse(short, get(1001 + LATE_MS, 1002 + LATE_MS, "a", 1, expires_at_ms=1000))

    def test_an_expired_value_does_not_come_back(self):
        short = put(0, 1, "a", 1, ttl_ms=1000, expires_at_ms=1000)
        self.refuse(short, get(999, 1000), get(1001, 1002, "a", 1, expires_at_ms=1000))

    def test_an_expired_key_is_absent_for_conditions(self):
        short = put(0, 1, "a", 1, ttl_ms=10, expires_at_ms=10)
        self.accept(short, put(100, 101, "b", 3, if_revision=0))
        self.refuse(short, put(100, 101, "b", 3, if_revision=1))
        self.accept(short, delete(100, 101))
        self.refuse(short, delete(100, 101, 3))

    def test_a_write_without_a_time_to_live_drops_the_old_one(self):
        short = put(0, 1, "a", 1, ttl_ms=10, expires_at_ms=10)
        self.accept(short, put(2, 3, "b", 2), get(500, 501, "b", 2))
        self.refuse(short, put(2, 3, "b", 2), get(500, 501))

    def test_the_time_to_live_counts_from_the_write(self):
        self.refuse(put(100, 110, "a", 1, ttl_ms=50, expires_at_ms=120))
        self.refuse(put(100, 110, "a", 1, ttl_ms=50))
        self.refuse(put(100, 110, "a", 1, expires_at_ms=150))
        self.refuse(put(100, 110, "a", 1, ttl_ms=50, expires_at_ms=161 + LATE_MS))
        self.accept(put(100, 110, "a", 1, ttl_ms=50, expires_at_ms=155))

    def test_a_time_that_changes_is_refused(self):
        self.refuse(put(0, 1, "a", 1, ttl_ms=1000, expires_at_ms=1000), get(5, 6, "a", 1, expires_at_ms=1500))

    def test_the_time_of_a_lost_write_is_learned_by_reading_it(self):
        states = self.accept(lost("put", 0, 20, value="a", ttl_ms=100))
        self.accept(get(50, 51, "a", 1, expires_at_ms=110), get(115, 116), states=states)
        self.refuse(get(50, 51, "a", 1, expires_at_ms=90), states=states)
        self.refuse(get(50, 51, "a", 1, expires_at_ms=400), get(115, 116), states=states)

    # ---- At random ----
    def made_history(self, rng, clients=4, rounds=40):
        """A register that answers at a moment between the times; some answers are lost."""
        state, revision, operations, free = State(), 0, [], [0] * clients
        moments = []
        for _ in range(rounds):
            client = rng.randrange(clients)
            start = free[client] + rng.randrange(1, 9)
            moments.append((start + rng.randrange(0, 9), start, client))
            free[client] = moments[-1][0] + rng.randrange(1, 9)
            moments[-1] += (free[client],)
        for number, (_, start, _, end) in enumerate(sorted(moments)):
            kind = rng.choice(["get", "put", "put", "delete"])
            condition = rng.choice([None, None, 0, revision, state.revision]) if kind != "get" else None
            condition_holds = condition is None or condition == (state.revision or 0)
            is_lost = kind != "get" and rng.random() < 0.05
            if is_lost:
                end = 10_000
            made = {"value": state.value, "revision": state.revision}
            if kind != "get" and not condition_holds:
                made = {"if_revision": condition, "refused": not is_lost, "value": "v%d" % number}
            elif kind == "put":
                revision += 1 + rng.randrange(3)
                state = State("v%d" % number, revision)
                made = {"value": state.value, "revision": revision, "if_revision": condition}
            elif kind == "delete":
                deleted = state.value is not None
                revision += 1 if deleted else 0
                made = {"if_revision": condition, "deleted": deleted, "revision": revision if deleted else None}
                state = State() if deleted else state
            operations.append(operation(kind, start, end, done=not is_lost, **made))
        return operations

    def test_histories_of_a_true_register_are_accepted_and_spoiled_ones_are_not(self):
        spoiled = 0
        for seed in range(60):
            rng = random.Random(seed)
            history = self.made_history(rng)
            self.assertTrue(advance({ABSENT}, history), "seed %d" % seed)
            reads = [i for i, o in enumerate(history) if o.kind == "get" and o.value is not None]
            if reads:
                i = rng.choice(reads)
                for wrong in ({"value": "nobody wrote this"}, {"revision": history[i].revision + 1000}):
                    changed = history[:i] + [history[i]._replace(**wrong)] + history[i + 1:]
                    self.assertFalse(advance({ABSENT}, changed), "seed %d" % seed)
                    spoiled += 1
        self.assertGreater(spoiled, 40)


if __name__ == "__main__":
    unittest.main()

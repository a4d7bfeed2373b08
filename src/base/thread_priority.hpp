// Lets work that nobody waits for give way to work that somebody does. Called by a background thread, about itself.
#pragma once

namespace vibrato {

// The calling thread gets processor time when others leave it (on Linux nice 19 and SCHED_BATCH); where the system
// refuses, nothing changes. There is no way back.
void lower_thread_priority();

}  // namespace vibrato

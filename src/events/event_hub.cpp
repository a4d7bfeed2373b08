#include "events/event_hub.hpp"

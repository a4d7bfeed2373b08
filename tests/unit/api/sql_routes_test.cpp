// Embedded SQL, asked as the server asks.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>

#include "support/database_api.hpp"

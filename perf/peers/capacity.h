/* SPDX-License-Identifier: MIT */
/*
 * For queues whose capacity is a template argument: the function is instantiated for every capacity
 * that a scenario has, and the right one is called.
 */
#ifndef TAKT_PERF_PEERS_CAPACITY_H
#define TAKT_PERF_PEERS_CAPACITY_H

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace perf
{

using capacities = std::index_sequence<1024, 8192, 16384, 65536>;

template <std::size_t... known>
constexpr bool is_one_of(uint32_t capacity, std::index_sequence<known...>)
{
    return ((capacity == known) || ...);
}

constexpr bool known_capacity(uint32_t capacity)
{
    return is_one_of(capacity, capacities());
}

template <class Function, std::size_t... known>
int call_with(uint32_t capacity, Function function, std::index_sequence<known...>)
{
    int result = -EINVAL;
    (void)((capacity == known &&
            (result = function(std::integral_constant<std::size_t, known>()), true)) ||
           ...);
    return result;
}

/* function(std::integral_constant<std::size_t, capacity>()), or -EINVAL. */
template <class Function> int with_capacity(uint32_t capacity, Function function)
{
    return call_with(capacity, function, capacities());
}

} // namespace perf

#endif

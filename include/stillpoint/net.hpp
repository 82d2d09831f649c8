// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The network and pipes. docs/network.md is the guide.
#ifndef STILLPOINT_NET_HPP
#define STILLPOINT_NET_HPP

#include <stillpoint/net/address.hpp>
#include <stillpoint/net/pipe.hpp>
#include <stillpoint/net/socket.hpp>

#endif

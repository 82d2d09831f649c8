// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pipes.
#include "support.h"

#include <csignal>
#include <fcntl.h>
#include <sys/eventfd.h>

namespace stillpoint::test {
namespace {

class net_pipe : public net_fixture {};
STILLPOINT_ON_PROCESSORS(net_pipe);

TEST_P(net_pipe, through_it) {
  in_run([] {
    auto [reader, writer] = net::make_pipe();
    const std::string sent = pattern(1 << 20);
    const background writing([&, &writer = writer] {
      EXPECT_EQ(writer.write_all(sent), sent.size());
      writer.close();
    });
    std::string got(sent.size(), '\0');
    EXPECT_EQ(reader.read_exactly(got), sent.size());
    EXPECT_TRUE(got == sent);
    char b[1];
    EXPECT_EQ(reader.read(b), 0u) << "every writer is gone";
  });
}

// Go: TestEPIPE, TestStdPipe: an error, and the signal is nobody's; one that was pending before stays.
TEST_P(net_pipe, nobody_reads) {
  in_run([] {
    signal(SIGPIPE, SIG_DFL); // would end us
    for (int i = 0; i < 20; ++i) {
      auto [reader, writer] = net::make_pipe();
      reader.close();
      std::error_code ec;
      EXPECT_EQ(writer.write("x", ec), 0u);
      EXPECT_EQ(ec, std::errc::broken_pipe);
    }
    auto [reader, writer] = net::make_pipe();
    std::error_code ec;
    const background full([&, &writer = writer] {
      writer.write_all(std::string(1 << 20, 'x'), ec);
      EXPECT_EQ(ec, std::errc::broken_pipe) << "while it waited for room";
    });
    sleep_for(1ms);
    reader.close();
  });
}

// Go: TestClosedPipeRaceRead, TestClosedPipeRaceWrite, TestCloseWithBlockingReadByNewFile.
TEST_P(net_pipe, closed_in_use) {
  in_run([] {
    for (int i = 0; i < 100; ++i) {
      auto [reader, writer] = net::make_pipe();
      const background reading([&reader = reader] {
        char b[1000];
        std::error_code ec;
        while (reader.read(b, ec))
          ;
        EXPECT_TRUE(!ec || ec == net::closed);
      });
      const background writing([&writer = writer] {
        std::error_code ec;
        while (!ec)
          writer.write_all(std::string(100'000, 'x'), ec);
        EXPECT_TRUE(ec == net::closed || ec == std::errc::broken_pipe);
      });
      if (i % 2)
        sleep_for(50us);
      if (i % 3)
        writer.close();
      reader.close();
      writer.close();
    }
  });
}

// Go: TestReadNonblockingFd; and what else can be polled.
TEST_P(net_pipe, adopted) {
  in_run([] {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    std::error_code ec;
    auto reader = net::pipe_reader::adopt(ends[0], ec);
    ASSERT_FALSE(ec);
    EXPECT_TRUE(fcntl(ends[0], F_GETFL) & O_NONBLOCK);
    const background late([&] {
      sleep_for(1ms);
      ASSERT_EQ(write(ends[1], "x", 1), 1);
    });
    char b[1];
    EXPECT_EQ(reader.read(b), 1u);
    ::close(ends[1]);

    auto counter = net::pipe_reader::adopt(eventfd(0, EFD_CLOEXEC), ec);
    const int number = counter.native_handle();
    const background adds([&] { eventfd_write(number, 7); });
    std::uint64_t value[1] = {};
    EXPECT_EQ(counter.read(value), 8u);
    EXPECT_EQ(value[0], 7u);
    net::pipe_reader::adopt(-1, ec);
    EXPECT_EQ(ec, std::errc::bad_file_descriptor);
  });
}

} // namespace
} // namespace stillpoint::test

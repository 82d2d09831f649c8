// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Five bodies attracting one another: long chains of floating-point division and square roots.
#include "kernels.h"

#include <math.h>

enum { bodies = 5, steps = 400 };

struct body {
  double x, y, z, vx, vy, vz, mass;
};

static void advance(struct body *all, double dt) {
  for (int i = 0; i < bodies; ++i)
    for (int j = i + 1; j < bodies; ++j) {
      double dx = all[i].x - all[j].x, dy = all[i].y - all[j].y, dz = all[i].z - all[j].z;
      double square = dx * dx + dy * dy + dz * dz + 0.01;
      double force = dt / (square * sqrt(square));
      all[i].vx -= dx * all[j].mass * force;
      all[i].vy -= dy * all[j].mass * force;
      all[i].vz -= dz * all[j].mass * force;
      all[j].vx += dx * all[i].mass * force;
      all[j].vy += dy * all[i].mass * force;
      all[j].vz += dz * all[i].mass * force;
    }
  for (int i = 0; i < bodies; ++i) {
    all[i].x += dt * all[i].vx;
    all[i].y += dt * all[i].vy;
    all[i].z += dt * all[i].vz;
  }
}

uint64_t kernel_nbody(uint64_t rounds) {
  struct body all[bodies];
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    for (int i = 0; i < bodies; ++i)
      all[i] = (struct body){i, i * 0.5, -i * 0.25, 0.1 * i, 0.05, -0.1, 1.0 + i};
    for (int step = 0; step < steps; ++step)
      advance(all, 0.001);
    sum = kernel_mix(sum, (uint64_t)(int64_t)(all[round % bodies].x * 1e6));
  }
  return sum;
}

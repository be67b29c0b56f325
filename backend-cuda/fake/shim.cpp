// Threads as fibers. A block's threads take turns: each runs until it ends or comes to a
// __syncthreads; then all others do. Odd rounds go through them backwards, so that code which relies
// on an order fails. A thread hands over to the next one itself, by the compiler's own jumps: those
// of the C library take many times as long, and tests do little else.
#include "shim.h"
#include "fake.h"
#include "kernels.h"
#include <ucontext.h>
#include <vector>

// A function that ends by a jump of someone else, of which its callers may assume nothing.
#ifdef __clang__
#define JUMPS __attribute__((noinline))
#else
#define JUMPS __attribute__((noipa))
#endif

shim::Index shim::thread, shim::block, shim::threads, shim::blocks;

namespace {
const size_t STACK = 64 << 10;
// What __builtin_setjmp fills.
typedef void *Place[5];

struct Fiber {
    ucontext_t start;
    Place at;
    std::vector<char> stack = std::vector<char>(STACK);
    enum { WAITING, DONE } state = DONE;
};

std::vector<Fiber *> fibers;
ucontext_t home;
Place scheduler;
const fake::Kernel *kernel;
void **parameters;
// The round: threads, how many had their turn, how many of these wait at a barrier.
unsigned running, round_, turn, waiting;

// Goes on with the thread whose turn it is, with the scheduler after the last.
JUMPS void hand_over() {
    while (turn < running) {
        unsigned t = round_ % 2 ? running - 1 - turn : turn;
        turn++;
        if (fibers[t]->state == Fiber::DONE) continue;
        shim::thread.x = t;
        __builtin_longjmp(fibers[t]->at, 1);
    }
    __builtin_longjmp(scheduler, 1);
}

// A fiber is one thread after the other: it is made once, which takes a system call.
void body() {
    for (;;) {
        if (!__builtin_setjmp(fibers[shim::thread.x]->at)) hand_over();
        kernel->run(parameters);
        fibers[shim::thread.x]->state = Fiber::DONE;
    }
}

// Makes fiber `t`, which comes back at once and then waits for work.
JUMPS void make(unsigned t) {
    Fiber *fiber = new Fiber;
    fibers.push_back(fiber);
    shim::thread.x = t;
    running = turn = 0;
    if (__builtin_setjmp(scheduler)) return;
    getcontext(&fiber->start);
    fiber->start.uc_stack.ss_sp = fiber->stack.data();
    fiber->start.uc_stack.ss_size = STACK;
    fiber->start.uc_link = nullptr;
    makecontext(&fiber->start, body, 0);
    swapcontext(&home, &fiber->start);
}

// Lets every thread run up to its next barrier or its end.
JUMPS void go_round() {
    turn = waiting = 0;
    if (!__builtin_setjmp(scheduler)) hand_over();
}
}

JUMPS void shim::sync() {
    if (!kernel->meets) fake::fake_broken(kernel->name, "a kernel with barriers is known as such");
    waiting++;
    if (!__builtin_setjmp(fibers[shim::thread.x]->at)) hand_over();
}

void fake::run_grid(const Kernel &which, unsigned blocks, unsigned threads, void **p) {
    kernel = &which;
    parameters = p;
    shim::threads = {threads, 1, 1};
    shim::blocks = {blocks, 1, 1};
    shim::thread = {0, 0, 0};
    while (which.meets && fibers.size() < threads) make((unsigned)fibers.size());
    for (unsigned b = 0; b < blocks; b++) {
        shim::block = {b, 0, 0};
        if (!which.meets) {
            // Without barriers there is one round.
            for (unsigned t = 0; t < threads; t++) {
                shim::thread.x = t;
                which.run(p);
            }
            continue;
        }
        for (unsigned t = 0; t < threads; t++) fibers[t]->state = Fiber::WAITING;
        running = threads;
        unsigned left = threads;
        for (round_ = 0; left > 0; round_++) {
            go_round();
            // A barrier that some threads never reach hangs a GPU.
            if (waiting != 0 && waiting != left) fake_broken(which.name, "all threads meet at a barrier");
            left = waiting;
        }
    }
}

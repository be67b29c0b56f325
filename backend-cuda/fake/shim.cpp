// Threads as fibers. A block's threads take turns: each runs until it ends or comes to a
// __syncthreads; then all others do. Odd rounds go through them backwards, so that code which relies
// on an order fails.
#include "shim.h"
#include "fake.h"
#include "kernels.h"
#include <csetjmp>
#include <ucontext.h>
#include <vector>

shim::Index shim::thread, shim::block, shim::threads, shim::blocks;

namespace {
const size_t STACK = 64 << 10;

struct Fiber {
    ucontext_t start;
    jmp_buf at;
    std::vector<char> stack = std::vector<char>(STACK);
    enum { NEW, WAITING, DONE } state = NEW;
    bool started = false;
};

std::vector<Fiber *> fibers;
Fiber *current;
ucontext_t home;
jmp_buf scheduler;
const fake::Kernel *kernel;
void **parameters;

// A fiber is one thread after the other: it is made once, which takes a system call.
void body() {
    for (;;) {
        kernel->run(parameters);
        current->state = Fiber::DONE;
        if (!_setjmp(current->at)) _longjmp(scheduler, 1);
    }
}

// Runs one thread up to its next barrier or its end.
void turn(unsigned t) {
    current = fibers[t];
    shim::thread = {t, 0, 0};
    if (_setjmp(scheduler)) return;
    if (current->started) _longjmp(current->at, 1);
    current->started = true;
    getcontext(&current->start);
    current->start.uc_stack.ss_sp = current->stack.data();
    current->start.uc_stack.ss_size = STACK;
    current->start.uc_link = nullptr;
    makecontext(&current->start, body, 0);
    swapcontext(&home, &current->start);
}
}

void shim::sync() {
    current->state = Fiber::WAITING;
    if (_setjmp(current->at)) return;
    _longjmp(scheduler, 1);
}

void fake::run_grid(const Kernel &which, unsigned blocks, unsigned threads, void **p) {
    kernel = &which;
    parameters = p;
    while (fibers.size() < threads) fibers.push_back(new Fiber);
    shim::threads = {threads, 1, 1};
    shim::blocks = {blocks, 1, 1};
    for (unsigned b = 0; b < blocks; b++) {
        shim::block = {b, 0, 0};
        for (unsigned t = 0; t < threads; t++) fibers[t]->state = Fiber::NEW;
        for (unsigned round = 0, running = threads; running > 0; round++) {
            unsigned waiting = 0;
            for (unsigned t = 0; t < threads; t++) {
                unsigned turned = round % 2 ? threads - 1 - t : t;
                if (fibers[turned]->state == Fiber::DONE) continue;
                turn(turned);
                waiting += fibers[turned]->state == Fiber::WAITING;
            }
            // A barrier that some threads never reach hangs a GPU.
            if (waiting != 0 && waiting != running) fake_broken(which.name, "all threads meet at a barrier");
            running = waiting;
        }
    }
}

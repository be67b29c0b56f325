"""Processes that the comparison talks to, and what it says of the machine."""

import json
import os
import platform
import subprocess
import time


class Missing(Exception):
    """A peer cannot be run; the message says why."""


class Worker:
    """A process that answers requests line by line; started when first asked."""

    def __init__(self, command, environment):
        self.command, self.environment = command, environment
        self.process = None
        self.done = set()

    def ask(self, *words):
        """The answer to a request; Missing if the process or the request fails."""
        if self.process is None:
            try:
                self.process = subprocess.Popen(
                    self.command,
                    env=self.environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            except OSError as e:
                raise Missing(f"{self.command[0]}: {e.strerror}") from None
        try:
            print(*words, file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            said = self.process.stderr.read().strip().splitlines() or ["it ended"]
            raise Missing(f"{' '.join(self.command[-2:])}: {said[-1]}")
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise Missing(answer["error"])
        return answer

    def once(self, *words):
        """Asks unless the very same was the last request of this kind."""
        if words not in self.done:
            self.ask(*words)
            self.done = {w for w in self.done if w[0] != words[0]} | {words}

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()
            self.process.stderr.close()
            self.process = None
            self.done = set()


def run(command, environment):
    """Runs a program; wall seconds and its standard output. Missing if it fails."""
    start = time.perf_counter()
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except OSError as e:
        raise Missing(f"{command[0]}: {e.strerror}") from None
    seconds = time.perf_counter() - start
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        text = next((line for line in said if "rror" in line), said[-1])
        raise Missing(f"{os.path.basename(command[0])}: {text}")
    return seconds, done.stdout


def machine():
    """Name of the processor, cores and memory."""
    name = platform.machine()
    try:
        with open("/proc/cpuinfo") as text:
            name = next(line.split(": ")[1].strip() for line in text if line.startswith("model name"))
        with open("/proc/meminfo") as text:
            memory = f", {int(text.readline().split()[1]) / 2**20:.0f} GiB"
    except (OSError, StopIteration):
        memory = ""
    return f"{name}, {os.cpu_count()} cores{memory}, {platform.system()} {platform.release()}"


def load():
    """Load averages of 1, 5 and 15 minutes."""
    return " ".join(f"{x:.2f}" for x in os.getloadavg())

"""Processes that the comparison talks to, and what it says of the machine."""

import json
import os
import platform
import subprocess
import tempfile
import time


class Missing(Exception):
    """A peer cannot be run; the message says why."""


class Worker:
    """A process that answers requests line by line; started when first asked."""

    def __init__(self, command, environment):
        self.command, self.environment = command, environment
        self.process = None
        # What was loaded last, and the answer.
        self.loaded = None

    def ask(self, *words):
        """The answer to a request; Missing if the process or the request fails."""
        if self.process is None:
            self.start()
        try:
            print(*words, file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.log.seek(0)
            said = self.log.read().strip().splitlines() or ["it ended without a word"]
            self.close()
            raise Missing(f"{' '.join(self.command[-2:])}: {said[-1]}")
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise Missing(answer["error"])
        return answer

    def load(self, *words):
        """The same, unless it was the last of these requests."""
        if self.loaded is None or self.loaded[0] != words:
            self.loaded = (words, self.ask(*words))
        return self.loaded[1]

    def start(self):
        self.log = tempfile.TemporaryFile("w+")
        try:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.log,
                text=True,
            )
        except OSError as e:
            self.log.close()
            raise Missing(f"{self.command[0]}: {e.strerror}") from None

    def close(self):
        if self.process is not None:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
            self.process.wait()
            self.process.stdout.close()
            self.log.close()
            self.process = None
            self.loaded = None


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

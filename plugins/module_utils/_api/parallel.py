from __future__ import annotations

import queue
import threading


class Workers:
    def __init__(self, limit):
        self._limit = limit
        self._jobs = queue.Queue()
        self._out = queue.Queue()
        self._threads = []
        self._open = 0

    def __enter__(self):
        return self

    def __exit__(self, *a):
        for _ in self._threads:
            self._jobs.put(None)
        for one in self._threads:
            one.join()
        self._threads = []

    def _run(self):
        while True:
            job = self._jobs.get()
            if job is None:
                return
            key, call = job
            try:
                self._out.put((key, call(), None))
            except BaseException as e:
                self._out.put((key, None, e))

    def submit(self, key, call):
        self._open += 1
        if len(self._threads) < self._limit:
            th = threading.Thread(target=self._run, daemon=True)
            th.start()
            self._threads.append(th)
        self._jobs.put((key, call))

    def next(self):
        r = self._out.get()
        self._open -= 1
        return r

    def stop(self):
        pass

    def drain(self):
        while self._open:
            yield self.next()

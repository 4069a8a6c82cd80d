"""Where environments in Python are: in this process, or in worker processes.

A host is asked for several runs at once, ``ask([(run, what, ...), ...])``, and gives an answer for each, or the
exception in its place; ``what`` is a method of :class:`marlfast.games.environments.Players`. ``kept`` and ``keep`` hand
what goes on in the environments to a copy.
"""
import multiprocessing
import pickle
import signal
import threading
import weakref

from marlfast.errors import shown


class Here:
    """In this process, one after the other.

    Parameters
    ----------
    players : Players
        The environments.
    """

    def __init__(self, players):
        self.players = players

    def ask(self, asked):
        """Give an answer, or an exception, for each.

        Parameters
        ----------
        asked : sequence of (int, str, ...)
            Run, method, and arguments.

        Returns
        -------
        list of object
            As many.
        """
        return [_answer(self.players, *one) for one in asked]

    def kept(self):
        """What goes on in the environments."""
        return self.players.kept()

    def keep(self, kept):
        """Go on where another one was."""
        self.players.keep(kept)


class Workers:
    """In processes of their own; run r is with worker ``r % count``.

    Parameters
    ----------
    game : EnvironmentGame
        What is played.
    count : int
        How many processes.
    """

    def __init__(self, game, count):
        self.game, self.count = game, count
        self.pipes, self.processes = [], []
        self.lock = threading.Lock()        # an answer belongs to the question before it

    def _begin(self):
        context = multiprocessing.get_context("spawn")
        for k in range(self.count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, self.game), daemon=True,
                                      name=f"environments of {self.game.name}, {k}")
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)
        self.end = weakref.finalize(self, _end, list(self.pipes), list(self.processes))

    def ask(self, asked):
        """Give an answer, or an exception, for each: what a dead worker was asked is a ``RuntimeError``.

        Parameters
        ----------
        asked : sequence of (int, str, ...)
            Run, method, and arguments.

        Returns
        -------
        list of object
            As many.
        """
        with self.lock:
            if not self.pipes:
                self._begin()
            shares = [[one for one in asked if one[0] % self.count == k] for k in range(self.count)]
            came = self._exchange([("ask", share) if share else None for share in shares])
        answers = [iter([error] * len(share) if isinstance(error := found, Exception) else found or ())
                   for found, share in zip(came, shares, strict=True)]
        return [next(answers[one[0] % self.count]) for one in asked]

    def _exchange(self, messages):
        """What each worker answers: all are asked before any is listened to."""
        came = [None] * self.count
        for k, message in enumerate(messages):
            if message is not None:
                try:
                    self.pipes[k].send(message)
                except OSError:
                    came[k] = self._dead(k)
        for k, message in enumerate(messages):
            if message is not None and came[k] is None:
                try:
                    came[k] = self.pipes[k].recv()
                except (EOFError, OSError):
                    came[k] = self._dead(k)
        return came

    def _dead(self, k):
        self.processes[k].join(1)
        code = self.processes[k].exitcode
        how = "" if code is None else f" (exit code {code})" if code >= 0 else f" (signal {-code})"
        return RuntimeError(f"{self.game.name}: worker process {k} of {self.count} died{how}; its runs ({k}, "
                            f"{k + self.count}, ...) stop where they are, the others go on")

    def kept(self):
        """What goes on in the environments; worker by worker, as bytes."""
        with self.lock:
            came = self._exchange([("kept",)] * self.count) if self.pipes else []
        for found in came:
            if isinstance(found, Exception):
                raise found
        return came

    def keep(self, kept):
        """Go on where another one was."""
        if not kept:
            return
        with self.lock:
            if not self.pipes:
                self._begin()
            self._exchange([("keep", one) for one in kept])


def _end(pipes, processes):
    for pipe in pipes:
        pipe.close()                        # which ends the worker
    for process in processes:
        process.join(5)
        if process.is_alive():
            process.terminate()


def _answer(players, run, what, *arguments):
    try:
        return getattr(players, what)(run, *arguments)
    except Exception as error:              # the run's own: the others go on
        return error


def _work(pipe, game):
    """What a worker process does until its pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)        # Ctrl-C is for the process that trains
    players = game.players()
    while True:
        try:
            what, *given = pipe.recv()
        except (EOFError, OSError):
            return
        if what == "ask":
            reply = [_sendable(_answer(players, *one)) for one in given[0]]
        elif what == "kept":
            try:
                reply = pickle.dumps(players.kept())
            except Exception as error:      # whatever objects say of themselves
                reply = RuntimeError(f"{game.name}: its environments cannot be copied: {shown(str(error))}")
        else:
            players.keep(pickle.loads(given[0]))
            reply = None
        pipe.send(reply)


def _sendable(answer):
    """An answer that another process can read; exceptions that cannot be sent become errors with their text."""
    if isinstance(answer, Exception):
        try:
            pickle.loads(pickle.dumps(answer))
        except Exception:
            return RuntimeError(f"{type(answer).__name__}: {answer}")
    return answer

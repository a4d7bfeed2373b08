"""What the long programs against the real server share: a seed, a folder that stays if they fail, servers that do not."""
import argparse
import contextlib
import pathlib
import random
import shutil
import sys
import tempfile


def parse_arguments(description, amount, otherwise):
    """`binary`, the amount of work by that name, and `seed`, which is printed."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("--" + amount, type=int, default=otherwise)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    print("seed %d, %d %s" % (arguments.seed, getattr(arguments, amount), amount), flush=True)
    return arguments


@contextlib.contextmanager
def run_in_folder(prefix, make_server):
    """A temporary folder and the server that `make_server` makes in it, not started; at the end both are gone. If
    anything goes wrong the folder is kept and named, with the end of the server's log."""
    root = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
    server = make_server(root)
    try:
        yield root, server
    except BaseException:
        log = server.log()[-3000:] if server.process else ""
        print("folder kept: %s\n%s" % (root, log), file=sys.stderr)
        raise
    finally:
        if server.process and server.process.poll() is None:
            server.kill()
    shutil.rmtree(root)

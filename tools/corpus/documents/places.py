"""What the scripts of this folder share: SCRIPT FOLDER, keys on standard input.

Each line of the input is a name and a key. A script writes documents to the folder, and
prints the file, the place and the key for each key that is in a file."""
import os, sys

out = sys.argv[1]
keys = [line.split()[1] for line in sys.stdin]


class Keys:
    """A key for each place, the shapes in turn."""
    def __init__(self):
        self.at = {}

    def __call__(self, place):
        n = len(self.at)
        return self.at.setdefault(place, keys[n % 8 * (len(keys) // 8) + n // 8])

    def split(self, place, between):
        k = self(place)
        return k[:11] + between % k[11:15] + k[15:]

    def say(self, file, without=()):
        for place, key in self.at.items():
            if place not in without:
                print(f"{file}\t{place}\t{key}")

    def put(self, file, data):
        """Writes a file, with all keys so far in it."""
        os.makedirs(os.path.dirname(f"{out}/{file}"), exist_ok=True)
        with open(f"{out}/{file}", "wb") as f:
            f.write(data)
        self.say(file)

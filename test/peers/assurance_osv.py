# Which advisories affect which versions, by the schema's own algorithm ("Evaluation") over Python's own order of versions:
# assurance_osv.py ADVISORIES < PAIRS. Advisories: a file with one record of OSV in each line; pairs: lines of package, tab, version.
# Each line of output: advisory, package, version. What can not be read as a version counts as affected.
import json
import re
import sys

from packaging.version import InvalidVersion, Version


def parse(text):
    try:
        return Version(text)
    except InvalidVersion:
        return None


def in_range(version, events):
    # Sorted as the schema has it; each version is affected by the last event that is not after it.
    affected = False
    order = {'introduced': 0, 'fixed': 1, 'last_affected': 2}
    for bound, kind in sorted(((Version('0.dev0') if text == '0' else Version(text)), kind) for event in events for kind, text in event.items()):
        if kind == 'introduced' and version >= bound:
            affected = True
        elif kind == 'fixed' and version >= bound:
            affected = False
        elif kind == 'last_affected' and version > bound:
            affected = False
    return affected


versions = {}
for line in sys.stdin.read().splitlines():
    package, version = line.split('\t')
    versions.setdefault(package, set()).add(version)
for line in open(sys.argv[1], encoding='utf-8'):
    record = json.loads(line)
    if 'withdrawn' in record:
        continue
    for affected in record['affected']:
        package = re.sub('[-_.]+', '-', affected['package']['name']).lower()
        listed = affected.get('versions', [])
        known = {parse(text) for text in listed} - {None}
        ranges = [r['events'] for r in affected.get('ranges', []) if r['type'] == 'ECOSYSTEM']
        readable = all(parse(text) is not None for events in ranges for event in events for text in event.values())
        for text in sorted(versions.get(package, ())):
            version = parse(text)
            if not readable or version is None or version in known or any(in_range(version, events) for events in ranges):
                print(record['id'], package, text, sep='\t')

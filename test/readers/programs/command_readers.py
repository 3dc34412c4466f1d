# command_readers.py READER NAME: see readers.ts. Programs for the command line, which read files.
import base64, glob, json, os, subprocess, sys, tempfile

reader, name = sys.argv[1:]
debian = {'reformime': 'maildrop', 'munpack': 'mpack'}.get(reader, reader)

def run(*command, **options):
    return subprocess.run(command, capture_output=True, **options).stdout

def octets(path):
    with open(path, 'rb') as file:
        return file.read()

def mhdr(files, *arguments):
    """The lines of each file."""
    lines = {file: [] for file in files}
    for line in run('mhdr', '-H', *arguments, *files).decode('utf-8', 'replace').split('\n')[:-1]:
        file, _, text = line.partition('\t')
        lines[file].append(text)
    return lines

def mblaze(files):
    values = mhdr(files, '-M', '-h', name)
    subjects = mhdr(files, '-d', '-h', 'Subject')
    for file in files:
        seen = {'values': values[file], 'subject': (subjects[file] + [None])[0]}
        if b'\nContent-Type: message/rfc822' in octets(file):
            seen['text'], seen['original'] = [run('mshow', '-O', file, part) for part in '23']
        yield seen

def reformime(files):
    for file in files:
        text, original = [run('reformime', '-e', '-s', part, stdin=open(file)) for part in ('1.1', '1.2')]
        yield {'text': text, 'original': original}

def unpacked(command):
    """For programs that write what they find into a folder: the files of it by their names."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([part.replace('FOLDER', folder) for part in command], capture_output=True)
        files = [path for path in glob.glob(folder + '/**', recursive=True) if os.path.isfile(path)]
        return {os.path.basename(path): octets(path) for path in files}

def munpack(files):
    for file in files:
        found = unpacked(['munpack', '-q', '-t', '-C', 'FOLDER', file])
        yield {'text': found.get('part1'), 'original': found.get('part2')}

def ripmime(files):
    for file in files:
        found = unpacked(['ripmime', '-i', file, '-d', 'FOLDER', '--no-nameless']).values()
        yield {'original': next((each for each in found if name.encode() in each), None)}

with tempfile.TemporaryDirectory() as folder:
    files = []
    for number, line in enumerate(sys.stdin):
        files.append(os.path.join(folder, str(number)))
        with open(files[-1], 'wb') as file:
            file.write(base64.b64decode(line))
    version = run('dpkg-query', '-W', '-f', '${Version}', debian).decode()
    print(json.dumps(version))
    for seen in globals()[reader](files):
        if seen.get('text') is not None:
            seen['text'] = seen['text'].decode('utf-8', 'replace')
        if seen.get('original') is not None:
            seen['original'] = base64.b64encode(seen['original']).decode()
        print(json.dumps(seen))

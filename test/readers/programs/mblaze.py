# mblaze.py READER NAME: see readers.ts. mhdr reads files, many in one call.
import base64, json, os, subprocess, sys, tempfile

reader, name = sys.argv[1:]

def mhdr(files, *arguments):
    """The lines of each file."""
    output = subprocess.run(['mhdr', '-H', *arguments, *files], capture_output=True).stdout
    lines = {file: [] for file in files}
    for line in output.decode('utf-8', 'replace').split('\n')[:-1]:
        file, _, text = line.partition('\t')
        lines[file].append(text)
    return lines

with tempfile.TemporaryDirectory() as folder:
    files = []
    for number, line in enumerate(sys.stdin):
        files.append(os.path.join(folder, str(number)))
        with open(files[-1], 'wb') as file:
            file.write(base64.b64decode(line))
    values = mhdr(files, '-M', '-h', name)
    subjects = mhdr(files, '-d', '-h', 'Subject')
    for file in files:
        print(json.dumps({'values': values[file], 'subject': (subjects[file] + [None])[0]}))

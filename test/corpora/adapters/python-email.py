# Python's email package, with the policy that programs have had for longest.
import email
import glob
import os
import sys

source, target, wanted = sys.argv[1:4]
print(sys.version.split()[0])
for path in glob.glob(os.path.join(glob.escape(source), '*.eml')):
    out = os.path.join(target, os.path.basename(path)[:-4])
    try:
        with open(path, 'rb') as file:
            report = email.message_from_binary_file(file)
        text, attached = report.get_payload()
        original = attached.get_payload(0)
        with open(out + '.text', 'wb') as file:
            file.write(text.get_payload(decode=True))
        with open(out + '.client', 'w') as file:
            file.write('\n'.join(str(value) for value in original.get_all(wanted, [])))
        with open(out + '.original', 'wb') as file:
            file.write(original.as_bytes())
    except Exception as error:
        with open(out + '.error', 'w') as file:
            file.write(repr(error))

# python_email.py READER NAME: see readers.ts.
import base64, email, email.policy, json, sys
from email.header import decode_header, make_header

reader, name = sys.argv[1:]
policy = {'python-compat32': email.policy.compat32, 'python-default': email.policy.default}[reader]

def read(raw):
    message = email.message_from_bytes(raw, policy=policy)
    values = [str(value) for value in message.get_all(name, [])]
    subject = message['Subject']
    if subject is not None and reader == 'python-compat32':
        subject = make_header(decode_header(subject))
    return {'values': values, 'subject': subject and str(subject)}

for line in sys.stdin:
    try:
        answer = read(base64.b64decode(line))
    except Exception as error:
        answer = {'error': repr(error)}
    print(json.dumps(answer), flush=True)

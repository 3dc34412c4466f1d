# python_email.py READER NAME: see readers.ts.
import base64, email, email.policy, json, sys
from email.header import decode_header, make_header

reader, name = sys.argv[1:]
policy = {'python-compat32': email.policy.compat32, 'python-default': email.policy.default}[reader]

def read(raw):
    message = email.message_from_bytes(raw, policy=policy)
    seen = {'values': [str(value) for value in message.get_all(name, [])]}
    subject = message['Subject']
    if subject is not None and reader == 'python-compat32':
        subject = make_header(decode_header(subject))
    seen['subject'] = subject and str(subject)
    parts = message.get_payload() if message.is_multipart() else []
    if [part.get_content_type() for part in parts] == ['text/plain', 'message/rfc822']:
        text, attached = parts
        seen['text'] = text.get_payload(decode=True).decode('utf-8', 'replace')
        seen['original'] = base64.b64encode(attached.get_payload(0).as_bytes()).decode()
    return seen

print(json.dumps(sys.version.split()[0]))
for line in sys.stdin:
    try:
        answer = read(base64.b64decode(line))
    except Exception as error:
        answer = {'error': repr(error)}
    print(json.dumps(answer), flush=True)

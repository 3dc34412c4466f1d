# gmime.py READER NAME: see readers.ts.
import base64, json, sys
import gi
gi.require_version('GMime', '3.0')
from gi.repository import GMime

reader, name = sys.argv[1:]
GMime.init()

def name_of(field):
    try:
        return field.get_name().lower()
    except UnicodeDecodeError:
        return None

def read(raw):
    message = GMime.Parser.new_with_stream(GMime.StreamMem.new_with_buffer(raw)).construct_message(None)
    headers = message.get_header_list()
    fields = [headers.get_header_at(i) for i in range(headers.get_count())]
    values = [field.get_value() for field in fields if name_of(field) == name.lower()]
    seen = {'values': values, 'subject': message.get_subject()}
    body = message.get_mime_part()
    parts = [body.get_part(i) for i in range(body.get_count())] if isinstance(body, GMime.Multipart) else []
    if [type(part) for part in parts] == [GMime.TextPart, GMime.MessagePart]:
        text, attached = parts
        seen['text'] = text.get_text()
        seen['original'] = base64.b64encode(octets(attached.get_message())).decode()
    return seen

def octets(thing):
    stream = GMime.StreamMem.new()
    thing.write_to_stream(None, stream)
    return bytes(stream.get_byte_array())

print(json.dumps('%d.%d.%d' % (GMime.MAJOR_VERSION, GMime.MINOR_VERSION, GMime.MICRO_VERSION)))
for line in sys.stdin:
    try:
        answer = read(base64.b64decode(line))
    except Exception as error:
        answer = {'error': repr(error)}
    print(json.dumps(answer), flush=True)

# GMime, the parser of notmuch, Evolution and others, as a DOM.
import glob
import os
import sys

import gi

gi.require_version('GMime', '3.0')
from gi.repository import GMime  # noqa: E402

source, target, wanted = sys.argv[1:4]
GMime.init()
print('%d.%d.%d' % (GMime.MAJOR_VERSION, GMime.MINOR_VERSION, GMime.MICRO_VERSION))


def octets(thing):
    stream = GMime.StreamMem.new()
    thing.write_to_stream(None, stream)
    return bytes(stream.get_byte_array())


for path in glob.glob(os.path.join(glob.escape(source), '*.eml')):
    out = os.path.join(target, os.path.basename(path)[:-4])
    try:
        parser = GMime.Parser.new_with_stream(GMime.StreamFile.open(path, 'r'))
        body = parser.construct_message(None).get_mime_part()
        text, attached = body.get_part(0), body.get_part(1)
        with open(out + '.text', 'w') as file:
            file.write(text.get_text())
        original = attached.get_message()
        headers = original.get_header_list()
        found = [headers.get_header_at(at) for at in range(headers.get_count())]
        with open(out + '.client', 'w') as file:
            file.write('\n'.join(
                field.get_value().strip() for field in found
                if field.get_name().lower() == wanted.lower()))
        with open(out + '.original', 'wb') as file:
            file.write(octets(original))
    except Exception as error:
        with open(out + '.error', 'w') as file:
            file.write(repr(error))

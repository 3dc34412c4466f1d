"""aiosmtpd as an intake: PORT MAIL CHAIN KEY HOST; each message becomes a file in MAIL."""

import asyncio
import os
import ssl
import sys
import uuid

from aiosmtpd.smtp import SMTP

port, mail, chain, key, host = sys.argv[1:]


class Store:
    async def handle_DATA(self, server, session, envelope):
        name = os.path.join(mail, uuid.uuid4().hex)
        with open(name + ".part", "wb") as file:
            file.write(envelope.original_content)
        os.rename(name + ".part", name)
        return "250 OK"


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)

    def session():
        return SMTP(
            Store(),
            hostname=host,
            tls_context=context,
            require_starttls=True,
            enable_SMTPUTF8=True,
            data_size_limit=62914560,
        )

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", int(port))
    await server.serve_forever()


asyncio.run(main())

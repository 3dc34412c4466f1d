<?php
// mailparse.php READER NAME: see readers.ts.
[, , $name] = $argv;
while (($line = fgets(STDIN)) !== false) {
    $mail = mailparse_msg_create();
    mailparse_msg_parse($mail, base64_decode($line));
    $headers = mailparse_msg_get_part_data($mail)['headers'];
    $values = (array) ($headers[strtolower($name)] ?? []);
    $subject = isset($headers['subject']) ? iconv_mime_decode(((array) $headers['subject'])[0], 2, 'UTF-8') : null;
    mailparse_msg_free($mail);
    echo json_encode(['values' => $values, 'subject' => $subject], JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}

<?php
// mailparse.php READER NAME: see readers.ts.
[, , $name] = $argv;

/** The octets of a part's body, decoded. */
function body($mail, string $part, string $octets): string
{
    $path = tempnam(sys_get_temp_dir(), 'tdc-mailparse');
    file_put_contents($path, $octets);
    ob_start();
    mailparse_msg_extract_part_file(mailparse_msg_get_part($mail, $part), $path);
    unlink($path);
    return ob_get_clean();
}

echo json_encode(phpversion('mailparse')), "\n";
while (($line = fgets(STDIN)) !== false) {
    $mail = mailparse_msg_create();
    $octets = base64_decode($line);
    mailparse_msg_parse($mail, $octets);
    $headers = mailparse_msg_get_part_data($mail)['headers'];
    $values = (array) ($headers[strtolower($name)] ?? []);
    $subject = isset($headers['subject']) ? iconv_mime_decode(((array) $headers['subject'])[0], 2, 'UTF-8') : null;
    $seen = ['values' => $values, 'subject' => $subject];
    $parts = mailparse_msg_get_structure($mail);
    if (in_array('1.1', $parts)) $seen['text'] = body($mail, '1.1', $octets);
    if (in_array('1.2', $parts)) $seen['original'] = base64_encode(body($mail, '1.2', $octets));
    mailparse_msg_free($mail);
    echo json_encode($seen, JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}

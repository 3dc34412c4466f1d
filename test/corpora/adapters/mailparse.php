<?php
[, $source, $target, $wanted] = $argv;
echo phpversion('mailparse'), "\n";

/** The octets of a part's body, decoded. */
function body($mail, string $part, string $path): string
{
    ob_start();
    mailparse_msg_extract_part_file(mailparse_msg_get_part($mail, $part), $path);
    return ob_get_clean();
}

foreach (glob("$source/*.eml") as $path) {
    $out = $target . '/' . basename($path, '.eml');
    $mail = mailparse_msg_parse_file($path);
    file_put_contents("$out.text", body($mail, '1.1', $path));
    if (!in_array('1.2', mailparse_msg_get_structure($mail))) continue;
    $original = body($mail, '1.2', $path);
    file_put_contents("$out.original", $original);
    $inner = mailparse_msg_create();
    mailparse_msg_parse($inner, $original);
    $headers = mailparse_msg_get_part_data($inner)['headers'];
    file_put_contents("$out.client", implode("\n", (array) ($headers[strtolower($wanted)] ?? [])));
}

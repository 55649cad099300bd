<?php
// php.php FOLDER: files of PHP; see small.py.
$put = function ($form, $name, $data) use ($argv) {
    @mkdir("$argv[1]/$form");
    file_put_contents("$argv[1]/$form/$name", $data);
};
while ($line = fgets(STDIN)) {
    [$name, $key] = explode(' ', trim($line));
    $record = ['id' => 4711, 'provider' => 'stripe', 'api_key' => $key, 'currency' => 'eur'];
    $put('PHP serialize', $name, serialize($record));
    $put('PHP MessagePack', $name, msgpack_pack($record));
    session_id('x');
    $put('PHP wordwrap', $name, wordwrap("12:00:01 charge failed with $key for customer 4711", 60, "\n", true));
    $put('PHP chunk_split', $name, chunk_split("key $key and more", 76));
    $put('PHP quoted-printable', $name, quoted_printable_encode("Bonjour, la clé est $key depuis hier.\r\n"));
    $put('PHP rawurlencode', $name, 'https://example.com/?q=' . rawurlencode(json_encode($record)));
}

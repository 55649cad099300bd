#!/usr/bin/perl
# perl.pl FOLDER: files of Perl; see small.py.
use strict;
use warnings;
use CBOR::XS;
use MIME::QuotedPrint;
use Storable qw(freeze nfreeze);

sub put {
    my ($form, $name, $data) = @_;
    mkdir "$ARGV[0]/$form";
    open my $f, '>:raw', "$ARGV[0]/$form/$name" or die "$form/$name: $!";
    print $f $data;
    close $f or die;
}
while (<STDIN>) {
    my ($name, $key) = split;
    my $record = [{ provider => 'stripe' }, { api_key => $key }, ['first', $key, 'third'], 4711];
    put('Perl Storable', $name, freeze($record));
    put('Perl Storable network', $name, nfreeze($record));
    put('CBOR::XS', $name, encode_cbor($record));
    put('Perl quoted-printable', $name, encode_qp("Hello,\n\nyour new key is $key and it works from tomorrow on.\n"));
}

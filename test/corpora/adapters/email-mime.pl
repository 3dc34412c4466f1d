use strict;
use warnings;
require './perl-reader.pm';
use Email::MIME;

PerlReader::run($Email::MIME::VERSION, sub {
    my ($octets, $wanted) = @_;
    my ($text, $attached) = Email::MIME->new($octets)->parts;
    my $original = $attached->body;
    return ($text->body, $original, Email::MIME->new($original)->header_raw($wanted));
});

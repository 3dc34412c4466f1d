use strict;
use warnings;
require './perl-reader.pm';
use Mail::Message;

PerlReader::run($Mail::Message::VERSION, sub {
    my ($octets, $wanted) = @_;
    my $report = Mail::Message->read($octets);
    my ($text, $attached) = $report->parts;
    my $original = $attached->body->nested;
    return (
        $text->decoded->string,
        $original->string,
        map { $_->unfoldedBody } $original->head->get($wanted),
    );
});

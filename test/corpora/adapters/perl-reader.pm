# What the readers in Perl have in common: perl -I. ADAPTER IN OUT.
package PerlReader;
use strict;
use warnings;
use File::Basename;

sub put {
    my ($path, $octets) = @_;
    open my $file, '>:raw', $path or die "$path: $!";
    print $file $octets;
    close $file;
}

# `read` gives the text, the original's octets and the values of the field, for a report's octets.
sub run {
    my ($version, $read) = @_;
    my ($from, $to, $wanted) = @ARGV;
    print "$version\n";
    for my $path (glob "$from/*.eml") {
        my $out = "$to/" . basename($path, '.eml');
        open my $file, '<:raw', $path or die "$path: $!";
        my $octets = do { local $/; <$file> };
        my ($text, $original, @client) = eval { $read->($octets, $wanted) };
        if ($@) { put("$out.error", $@); next }
        put("$out.text", $text) if defined $text;
        next unless defined $original;
        put("$out.original", $original);
        put("$out.client", join "\n", map { s/^\s+|\s+$//gr } @client);
    }
}

1;

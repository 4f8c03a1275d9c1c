package dev.bowline.adapter;

import java.util.Optional;

/// The pass of one micro-batch, in which the dropout of an adapter is applied. [Adapters#dropoutPass] begins it.
public final class DropoutPass implements AutoCloseable {

    private final Optional<Adapter> adapter;

    DropoutPass(Optional<Adapter> adapter) {
        this.adapter = adapter;
    }

    /// A number without visible relation to those of other inputs (the finaliser of SplitMix64).
    static long mix(long number) {
        long mixed = number + 0x9e3779b97f4a7c15L;
        mixed = (mixed ^ (mixed >>> 30)) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94d049bb133111ebL;
        return mixed ^ (mixed >>> 31);
    }

    /// Ends the pass: the model computes without a dropout again.
    @Override
    public void close() {
        adapter.ifPresent(used -> used.parts().forEach(AdapterPart::use));
    }
}

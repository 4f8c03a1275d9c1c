package dev.bowline.parallel;

import dev.bowline.optim.Gradients;
import java.util.ArrayList;
import java.util.List;

/// The places of parameters in flat memory with a share for each rank. A share is what one rank keeps.
///
/// A parameter begins at a multiple of [#ALIGNMENT], so that kernels compute as with memory of its own. A cut inside of
/// a parameter is at a multiple of [Gradients#NORM_ELEMENTS] from its begin, so that norms and updates of the pieces
/// are
/// those of the whole. A shorter parameter is never cut, and no piece has less than [StateSlices#CUT] elements.
///
/// @param share elements of each rank, gaps included
/// @param starts the first element of each parameter
record ShardPlacement(long share, List<Long> starts) {

    /// 64 bytes of a dtype of one byte.
    static final long ALIGNMENT = 64;

    private static final long CUT = Gradients.NORM_ELEMENTS;

    /// A part of a parameter in the share of a rank.
    ///
    /// @param parameter the index of the parameter
    /// @param from the first element of the part in the parameter
    /// @param at the first element of the part in the share
    record Piece(int parameter, long from, long length, int owner, long at) {}

    /// The smallest shares in which the parameters have place in their order.
    ///
    /// @param elements of each parameter
    static ShardPlacement of(List<Long> elements, int ranks) {
        long total = elements.stream().mapToLong(Long::longValue).sum();
        long step = elements.stream().anyMatch(length -> length > CUT) && ranks > 1 ? CUT : ALIGNMENT;
        long share = up(Math.max(1, Math.ceilDiv(total, ranks)), step);
        while (true) {
            List<Long> starts = starts(elements, share, ranks);
            if (starts.size() == elements.size()) {
                return new ShardPlacement(share, starts);
            }
            share += step;
        }
    }

    /// The begins of the parameters that have place.
    private static List<Long> starts(List<Long> elements, long share, int ranks) {
        List<Long> starts = new ArrayList<>();
        long end = 0;
        for (long length : elements) {
            long start = start(up(end, ALIGNMENT), length, share);
            end = start + length;
            boolean isCut = start / share < (end - 1) / share;
            // An optimizer may keep a short piece in another format than the whole.
            boolean isShort = end % share != 0 && end % share < StateSlices.CUT;
            if (end > share * ranks || isCut && (length <= CUT || isShort)) {
                return starts;
            }
            starts.add(start);
        }
        return starts;
    }

    private static long start(long earliest, long length, long share) {
        long boundary = (earliest / share + 1) * share;
        if (earliest + length <= boundary) {
            return earliest;
        }
        long left = length > CUT ? (boundary - earliest) / CUT * CUT : 0;
        return boundary - left;
    }

    private static long up(long value, long multiple) {
        return Math.ceilDiv(value, multiple) * multiple;
    }

    /// The parts of all parameters, in the order of the parameters and of their elements.
    ///
    /// @param elements of each parameter
    List<Piece> pieces(List<Long> elements) {
        List<Piece> pieces = new ArrayList<>();
        for (int i = 0; i < elements.size(); i++) {
            long from = 0;
            while (from < elements.get(i)) {
                long place = starts.get(i) + from;
                int owner = Math.toIntExact(place / share);
                long length = Math.min(elements.get(i) - from, (owner + 1) * share - place);
                pieces.add(new Piece(i, from, length, owner, place - owner * share));
                from += length;
            }
        }
        return pieces;
    }
}

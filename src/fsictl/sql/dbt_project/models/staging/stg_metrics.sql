select
    source.symbol,
    {{ milliseconds_of('source.timestamp') }} as timestamp_ms,
    source.LAST as close_price,
    source.RELATIVE_STRENGTH_INDICATOR as rsi,
    source.GAP_FILLED as gap_filled,
    {{ moment_of('source.timestamp') }} as moment
from {{ source('forex', 'metrics') }} as source

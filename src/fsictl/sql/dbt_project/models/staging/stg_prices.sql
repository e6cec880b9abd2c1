select
    source.symbol,
    {{ milliseconds_of('source.timestamp') }} as timestamp_ms,
    source.sequence,
    source.value as price,
    {{ moment_of('source.timestamp') }} as moment
from {{ source('forex', 'prices') }} as source

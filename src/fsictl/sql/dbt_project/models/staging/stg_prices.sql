select
    source.symbol,
    source.timestamp as timestamp_ms,
    source.sequence,
    source.value as price,
    {{ time_of('source.timestamp') }} as moment
from {{ source('forex', 'prices') }} as source

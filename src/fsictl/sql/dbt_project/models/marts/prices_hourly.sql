{{ by_run_date() }}

-- The coverage of a day: how many ticks, and the range of the price, per symbol and hour.
with ticks as (
    select
        symbol,
        price,
        extract(hour from moment) as hour,
        row_number() over (
            partition by symbol, extract(hour from moment) order by timestamp_ms, sequence
        ) as place,
        row_number() over (
            partition by symbol, extract(hour from moment) order by timestamp_ms desc, sequence desc
        ) as place_from_end
    from {{ ref('stg_prices') }}
    where timestamp_ms >= {{ day_start_ms() }} and timestamp_ms < {{ day_end_ms() }}
)

select
    {{ run_date() }} as run_date,
    hour,
    symbol,
    count(*) as ticks,
    max(case when place = 1 then price end) as open_price,
    max(price) as high_price,
    min(price) as low_price,
    max(case when place_from_end = 1 then price end) as close_price
from ticks
group by hour, symbol
